"""Sluicegate: a progressive-delivery gateway for AI models."""
