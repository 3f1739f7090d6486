"""Text: what names, formats, versions, schedules and JSON paths mean."""
