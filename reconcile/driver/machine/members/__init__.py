"""What becomes of what members of etcd order: messages, writes to their disks, changes of who belongs to them."""
