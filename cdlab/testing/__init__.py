"""What the pytest plugin needs beside itself."""
