"""The files of the page: one of HTML, one style sheet, one script, one icon. See `web.assets`."""
