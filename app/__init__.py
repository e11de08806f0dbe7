"""Tieout: keeps a firm's books and its accounting companies tied out."""
