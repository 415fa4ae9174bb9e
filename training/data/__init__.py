"""What finds sound code, breaks it, proves the break and makes examples of it."""
