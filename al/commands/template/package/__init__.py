"""What is learned here, and how samples are chosen."""
