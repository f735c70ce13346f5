"""Code that lives outside the package, as a user's would."""
