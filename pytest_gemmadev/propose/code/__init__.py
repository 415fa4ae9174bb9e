"""One model of a parsed source file, for rules and patterns alike."""
