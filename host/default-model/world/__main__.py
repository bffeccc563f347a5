from .held_out import write

write()
