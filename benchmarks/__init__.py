"""What an append, a resume and a list cost, as ratios against a named floor in the same run."""
