"""Parsers and printers of QuickBooks' and Xero's file formats. Pure: bytes and rows in, records and findings out."""
