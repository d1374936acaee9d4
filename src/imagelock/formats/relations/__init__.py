"""What files say about other files: the table of collectors, each a module that knows one tool."""
