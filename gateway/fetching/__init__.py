"""Keep documents from URLs and files fetched before they are needed."""
