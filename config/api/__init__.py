"""What every API stands on.

| module | what is in it |
| --- | --- |
| `views` | the base of all API views, `get_or_404`, cursor pages, query parameters |
| `throttle` | how often an app may call |
| `parsers` | JSON in |
| `envelope` | JSON out: the shape of every answer and of every error |
| `schema` | words to describe the APIs with, and the document made of them |
"""
