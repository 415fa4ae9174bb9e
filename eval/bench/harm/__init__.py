"""What candidates destroy: buggy projects in worlds of precious files, digested before and after."""
