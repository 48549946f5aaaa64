"""What every command shows is made of: figures, tables, plots, pictures, labels over them, and pages."""
