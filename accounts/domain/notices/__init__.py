"""What people are told by mail, each thing once.

`kinds`: what there is to tell, in whose words and to whom; each app registers its own. `writing`: a row for each
recipient, in the transaction of what it is about. `queue`: leases, tries and ends. `sending`: the mails. `switches`:
who wants which kind, and the link in each mail that ends it. docs/adr/0016 says how each is sent exactly once.
"""
