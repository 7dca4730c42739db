"""
The lab's version control, which runs in the container `<cluster>-git`: git over smart HTTP with
write rights and reflogs, and the hint hub. Needs nothing but Python and git.
"""
