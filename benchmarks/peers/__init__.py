"""The stores that people use today, each behind the same four methods, on the same turns."""
