"""What is measured, and how to repeat it. ``make bench`` runs everything; ``python -m bench --help`` the parts."""
