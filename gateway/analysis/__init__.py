"""What many exchanges say together: exact, mergeable counts and what follows from them."""
