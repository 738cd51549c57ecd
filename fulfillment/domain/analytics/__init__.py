"""What campaigns brought. It sees watch time, links and claims."""
