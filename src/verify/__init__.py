"""`verify`: household economic-status verification (居民家庭经济状况核对)."""

__version__ = "0.3.0"
