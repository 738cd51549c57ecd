"""What every API stands on.

| module | what is in it |
| --- | --- |
| `fields` | fields and serializers: limits, words and examples of what is read and answered |
| `views` | the base of all API views, `get_or_404`, cursor pages |
| `throttle` | how often an app may call |
| `parsers` | JSON in |
| `envelope` | JSON out: the shape of every answer and of every error |
| `schema` | `documented`, and the OpenAPI document that is made of views and serializers |
"""
