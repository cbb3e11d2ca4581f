"""Browser logins, as the data port uses them: sessions, and the paths of the logins themselves."""
