"""The command line. Each command lives in a module that is imported when it is used, so that help is instant."""
