"""Pictures as data, and the painter that writes them as SVG."""
