"""What customers allow, pure: `words` is what was said, `rules` what the shop set, `standing` what holds because of both,
`preferences` how customers wish to be contacted, `links` what a link in a mail stands for.
"""
