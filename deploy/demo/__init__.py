"""`make demo`: a whole call centre on this machine for a minute: real Asterisk, real phones, real records.

`python -m deploy.demo` plays it; every file here is a noun of it: the steps on screen, the site's files, the premises
(servers), the cast (who plays), the phones, the callers, the board (the floor live), the verdict, the report.
"""
