"""Where a document comes from: host and site, blocklists that name them, reservations, licences that a page states."""
