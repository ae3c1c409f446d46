"""The same traffic before several judges: who takes a healthy version back, who a bad one, and how late."""
