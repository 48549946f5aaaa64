"""What the layouts share or are made of: how one kind of file is read, whatever dataset it belongs to."""
