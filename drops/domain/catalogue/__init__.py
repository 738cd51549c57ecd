"""What campaigns are made of: categories, channels, livestreams and rewards."""
