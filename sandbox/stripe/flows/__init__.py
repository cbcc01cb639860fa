"""What happens by itself when somebody pays, cancels, or time passes."""
