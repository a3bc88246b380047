"""What can happen to a system, one class a kind of fault: `inject` does it, `heal` undoes what does not pass by itself."""
