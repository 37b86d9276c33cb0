"""What a user sends along with a prompt: files, folders, pages, pictures."""
