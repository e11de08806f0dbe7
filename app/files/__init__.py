"""Files of the providers' import and export formats: written from the books, and read into them."""
