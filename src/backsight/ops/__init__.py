from . import arithmetic, indexing, products, reductions, shapes
