"""The rules, one file each. The folder is walked: a new file is a new rule."""
