"""Hansard under agent frameworks: one module each, which alone imports its framework. Install the extra of that name."""
