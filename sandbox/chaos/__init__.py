"""`make chaos`: kill every part of the product at every moment, then count the mails.

`world` is what is killed and asked, `living` finds its processes, `moments` waits for a named step,
`strikes` are the ways to kill, `feeding` keeps requests coming in, `judge` holds mails, the
portal's own log and the database against each other, `control` is the naive order that must fail.
"""
