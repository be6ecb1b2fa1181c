import { config } from "zod";

// the server's policy lets no code be made of text, and zod would try to
config({ jitless: true });
