"""Reports that providers send over HTTP: verified and stored at the door, read and acted upon by a job."""
