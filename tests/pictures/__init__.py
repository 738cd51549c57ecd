"""Pictures of the main pages for docs/images, taken from the demo."""
