"""
Groups: pods that name a pod group are scheduled together, where GenericWorkload is on.

`members` knows which pods name which group and whom a gang that is too small holds back; `turning` is the turn of a
whole group.
"""
