"""What is shown to people: the kit that every command uses, and above all commands the pages."""
