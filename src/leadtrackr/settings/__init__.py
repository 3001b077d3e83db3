"""Every setting of the program, read once at the start from the environment and from `.env`; the environment wins."""

from leadtrackr.settings.catalogue import SETTINGS, SettingDoc, settings_page
from leadtrackr.settings.loading import Settings, load

__all__ = ["SETTINGS", "SettingDoc", "Settings", "load", "settings_page"]
