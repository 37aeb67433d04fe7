"""What all practice portals share: customers, users, faults, e-mail, a server. No pages."""
