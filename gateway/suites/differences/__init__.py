"""Say how two configurations differ in what they mean, and whom that lets in or keeps out."""
