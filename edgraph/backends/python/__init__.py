"""The backend of plain Python: NumPy values, any callable as a model, no framework.

A model is whatever `use` makes: an estimator of scikit-learn, an object of a class of the author's, a function.
`forward` calls it, or a method of it; `fit_batch` trains it by a method of its own. There are no gradients.
"""
