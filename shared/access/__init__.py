"""Who may do what at the doors: people with tokens of the shop's identity provider, machines with API keys.

`scopes` says what there is to be allowed and which role allows what, `caller` who is calling, `issuers` whose signatures count, `tokens`
how a token is checked, `guard` what a door asks. docs/decisions/0010 says why.
"""
