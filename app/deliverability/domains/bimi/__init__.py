"""What a BIMI record points to: the picture and its certificate, fetched and judged, never drawn."""
