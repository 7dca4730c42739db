"""The release manager around V3's page: one writer for all that wants to release something."""
